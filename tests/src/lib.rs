//! Faults of real processes, disks and networks, each a function that a test and a program share.
//!
//! Knows the whole product from outside: the binary, its folders, its wire. Nothing here is shipped.

pub mod faults;
