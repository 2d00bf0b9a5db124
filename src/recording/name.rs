//! What a recording's file name says: the naming patterns of phone systems, read from the right.
