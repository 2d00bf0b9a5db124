//! A report becomes bytes with a media type: text, HTML, CSV, JSON lines. Pure.
