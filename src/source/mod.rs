//! Where recordings come from: a watched folder, an upload, a delivery.
