//! Keys, mnemonics, the encrypted keystore, building and signing transactions
