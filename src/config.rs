//! One structure with every setting; defaults; validation that names file, line and key.
