//! Sorting by hashes and addresses: their first bytes decide nearly always, and fit into one register.

/// The places of items in the order of their bytes; equal ones keep theirs.
pub(crate) fn order_by_bytes<'a, T>(items: &'a [T], bytes: impl Fn(&'a T) -> &'a [u8]) -> Vec<usize> {
    let prefix = |item: &'a T| u64::from_be_bytes(*bytes(item).first_chunk().expect("longer than 8 bytes"));
    let mut order: Vec<(u64, usize)> =
        items.iter().enumerate().map(|(at, item)| (prefix(item), at)).collect();
    order.sort_unstable();
    // Those that begin alike lie side by side, and are few.
    for alike in order.chunk_by_mut(|(a, _), (b, _)| a == b) {
        alike.sort_unstable_by(|(_, a), (_, b)| bytes(&items[*a]).cmp(bytes(&items[*b])).then(a.cmp(b)));
    }
    order.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests;
