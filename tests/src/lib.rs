//! Behaviour tests, models, end-to-end tests with real processes, and the style test
