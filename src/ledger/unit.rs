//! Units (房号) however they are written, folded to one form (R20).
