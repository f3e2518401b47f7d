//! Chain specifications as data, their parameters and genesis blocks
