//! Simulator, oracles, reference model. Used by the tests package only.
