//! Order of steps: the only place where the business and the world meet. One file a route.

pub mod answer;
pub mod archive;
pub mod archive_rendition;
pub mod arriving;
pub mod case;
pub mod desk;
pub mod error;
pub mod export;
pub mod fold_files;
pub mod intake;
pub mod interpret;
pub mod keeping;
pub mod rendition;
pub mod sources;
pub mod tap;
