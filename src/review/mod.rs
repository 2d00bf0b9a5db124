//! For trainers: sample calls, drawn reproducibly and stratified.
