//! What the module does besides deciding.
