//! Where rows lie. No rule in SQL, no SQL elsewhere.
