//! Transactions: one transfer, who allows it, and the proof that they did (formats: Transaction).

use crate::address::Address;
use crate::amount::Amount;
use crate::codec::{DecodeError, Reader, at_most};
use crate::hash::{GenesisId, TxId, Wtxid};
use crate::limits::{MAX_MEMO_BYTES, MAX_OUTPUTS, MAX_TX_BYTES};
use crate::policy::{Policy, PublicKey, Signature};
use starling_sha256::Tag;
use std::fmt;

const VERSION: u8 = 1;
const KIND_TRANSFER: u8 = 0;

static TXID: Tag = Tag::new("starling/tx");
static WTXID: Tag = Tag::new("starling/wtx");

/// One recipient and what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Who gets it.
    pub to: Address,
    /// At least 1 mote.
    pub amount: Amount,
}

/// Up to 128 bytes for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memo(Vec<u8>);

impl Memo {
    /// A memo of at most 128 bytes.
    ///
    /// # Errors
    /// [`DecodeError::MemoTooLong`].
    pub fn new(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MEMO_BYTES {
            return Err(DecodeError::MemoTooLong(bytes.len()));
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Body and policy: what a signature signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedTransaction {
    /// First four bytes of the genesis id, little-endian.
    pub chain_id: u32,
    /// The sender's nonce that this transaction uses up.
    pub nonce: u64,
    /// What the miner gets.
    pub fee: Amount,
    /// Last height at which it may be included; 0 = no limit.
    pub valid_until: u32,
    /// 1 to 255 recipients.
    pub outputs: Vec<Output>,
    /// A note.
    pub memo: Memo,
    /// Who pays.
    pub policy: Policy,
}

/// The signatures.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Of the single key.
    Single(Signature),
    /// Of the keys that the bitmap names, in key order.
    Multi {
        /// Bit i (value 2^i) is key i.
        bitmap: u16,
        /// Exactly m.
        signatures: Vec<Signature>,
    },
}

/// A well-formed transaction with its bytes and its `wtxid`.
#[derive(Clone, PartialEq, Eq)]
pub struct Transaction {
    unsigned: UnsignedTransaction,
    auth: Auth,
    bytes: Box<[u8]>,
    signed_len: usize,
    wtxid: Wtxid,
    sender: Address,
}

impl UnsignedTransaction {
    /// What is signed: `tagged("starling/tx", genesis_id || body || policy)`.
    #[must_use]
    pub fn txid(&self, genesis: &GenesisId) -> TxId {
        TxId::new(TXID.hash(&[genesis.as_bytes(), &self.encode()]))
    }

    /// Joins the signatures to it, through the decoder's own checks.
    ///
    /// # Errors
    /// [`DecodeError`] when a limit of the format is broken or the signatures do not fit the policy.
    pub fn with_auth(&self, auth: &Auth) -> Result<Transaction, DecodeError> {
        if self.outputs.len() > MAX_OUTPUTS {
            return Err(DecodeError::TooLarge { size: self.outputs.len(), limit: MAX_OUTPUTS });
        }
        let mut bytes = self.encode();
        match auth {
            Auth::Single(signature) => bytes.extend_from_slice(signature),
            Auth::Multi { bitmap, signatures } => {
                bytes.extend_from_slice(&bitmap.to_le_bytes());
                bytes.extend(signatures.iter().flatten());
            }
        }
        Transaction::decode(&bytes)
    }

    /// Bytes of the finished transaction.
    #[must_use]
    pub fn finished_size(&self) -> usize {
        let auth = match &self.policy {
            Policy::Single(_) => size_of::<Signature>(),
            Policy::Multi(multi) => 2 + usize::from(multi.threshold()) * size_of::<Signature>(),
        };
        self.encode().len() + auth
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.chain_id.to_le_bytes());
        out.extend_from_slice(&self.nonce.to_le_bytes());
        out.extend_from_slice(&self.fee.motes().to_le_bytes());
        out.extend_from_slice(&self.valid_until.to_le_bytes());
        out.push(KIND_TRANSFER);
        // `with_auth` refuses more than 255 outputs; a longer list never becomes a transaction.
        out.push(u8::try_from(self.outputs.len()).unwrap_or(u8::MAX));
        for output in &self.outputs {
            out.extend_from_slice(output.to.as_bytes());
            out.extend_from_slice(&output.amount.motes().to_le_bytes());
        }
        out.push(u8::try_from(self.memo.0.len()).expect("a memo has at most 128 bytes"));
        out.extend_from_slice(&self.memo.0);
        self.policy.write(&mut out);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::BadVersion(version));
        }
        let (chain_id, nonce) = (reader.u32()?, reader.u64()?);
        let fee = read_amount(reader)?;
        let valid_until = reader.u32()?;
        let kind = reader.u8()?;
        if kind != KIND_TRANSFER {
            return Err(DecodeError::BadPayloadKind(kind));
        }
        let outputs = read_outputs(reader)?;
        let memo_len = usize::from(reader.u8()?);
        if memo_len > MAX_MEMO_BYTES {
            return Err(DecodeError::MemoTooLong(memo_len));
        }
        let memo = Memo::new(reader.take(memo_len)?)?;
        let policy = Policy::read(reader)?;
        Ok(Self { chain_id, nonce, fee, valid_until, outputs, memo, policy })
    }
}

impl Transaction {
    /// Reads one transaction that fills `bytes`.
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        at_most(bytes.len(), MAX_TX_BYTES)?;
        let mut reader = Reader::new(bytes);
        let unsigned = UnsignedTransaction::read(&mut reader)?;
        let signed_len = reader.position();
        let auth = Auth::read(&mut reader, &unsigned.policy)?;
        reader.finish()?;
        let wtxid = Wtxid::new(WTXID.hash(&[bytes]));
        let sender = unsigned.policy.address();
        Ok(Self { unsigned, auth, bytes: bytes.into(), signed_len, wtxid, sender })
    }

    /// The encoding.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the encoding.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What people call it by, and what its signatures sign.
    #[must_use]
    pub fn txid(&self, genesis: &GenesisId) -> TxId {
        TxId::new(TXID.hash(&[genesis.as_bytes(), &self.bytes[..self.signed_len]]))
    }

    /// What everything that deduplicates, requests, relays or commits calls it by.
    #[must_use]
    pub fn wtxid(&self) -> Wtxid {
        self.wtxid
    }

    /// Body and policy.
    #[must_use]
    pub fn unsigned(&self) -> &UnsignedTransaction {
        &self.unsigned
    }

    /// The signatures.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The sender's address.
    #[must_use]
    pub fn sender(&self) -> Address {
        self.sender
    }

    /// Sum of fee and amounts, unless it is over 2^100.
    #[must_use]
    pub fn spent(&self) -> Option<Amount> {
        let amounts = self.unsigned.outputs.iter().map(|output| output.amount);
        Amount::sum(amounts.chain([self.unsigned.fee]))
    }

    /// Each key that must have signed, with its signature.
    pub fn signatures(&self) -> impl Iterator<Item = (PublicKey, Signature)> + '_ {
        let (keys, signatures): (Vec<PublicKey>, &[Signature]) = match (&self.unsigned.policy, &self.auth) {
            (Policy::Multi(multi), Auth::Multi { bitmap, signatures }) => {
                let named = multi.keys().iter().enumerate().filter(|(i, _)| bitmap >> i & 1 == 1);
                (named.map(|(_, key)| *key).collect(), signatures)
            }
            (Policy::Single(key), Auth::Single(signature)) => (vec![*key], std::slice::from_ref(signature)),
            // `Auth::read` follows the policy's kind.
            _ => (Vec::new(), &[]),
        };
        keys.into_iter().zip(signatures.iter().copied())
    }
}

impl Auth {
    fn read(reader: &mut Reader<'_>, policy: &Policy) -> Result<Self, DecodeError> {
        let Policy::Multi(multi) = policy else {
            return Ok(Self::Single(reader.array()?));
        };
        let bitmap = reader.u16()?;
        let (m, n) = (multi.threshold(), multi.key_count());
        if bitmap.count_ones() != u32::from(m) || u32::from(bitmap) >> n != 0 {
            return Err(DecodeError::BadBitmap { bitmap, m, n });
        }
        let signatures = (0..m).map(|_| reader.array()).collect::<Result<_, _>>()?;
        Ok(Self::Multi { bitmap, signatures })
    }
}

fn read_amount(reader: &mut Reader<'_>) -> Result<Amount, DecodeError> {
    let motes = reader.u128()?;
    Amount::from_motes(motes).map_err(|_| DecodeError::AmountTooLarge(motes))
}

fn read_outputs(reader: &mut Reader<'_>) -> Result<Vec<Output>, DecodeError> {
    let count = usize::from(reader.u8()?);
    if count == 0 {
        return Err(DecodeError::NoOutputs);
    }
    let mut outputs = Vec::with_capacity(count);
    for index in 0..count {
        let to = Address::new(reader.array()?);
        let amount = read_amount(reader)?;
        if amount.is_zero() {
            return Err(DecodeError::ZeroAmount(index));
        }
        outputs.push(Output { to, amount });
    }
    Ok(outputs)
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({}, nonce {})", self.wtxid, self.unsigned.nonce)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(signature) => write!(f, "Single({})", hex::encode(signature)),
            Self::Multi { bitmap, .. } => write!(f, "Multi({bitmap:#06x})"),
        }
    }
}

#[cfg(test)]
mod tests;
