//! The routes, one file each: the order of steps and nothing else.
