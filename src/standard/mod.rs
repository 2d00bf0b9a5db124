//! The customer's service standard as rules, one file per chapter.
