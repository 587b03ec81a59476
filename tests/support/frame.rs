//! A frame as bytes, for peers that no library would play.

/// A client's mask is zero.
pub(crate) fn encode(masked: bool, opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![opcode | if fin { 0x80 } else { 0 }];
    let mask = if masked { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..126 => bytes.push(mask | len as u8),
        len @ 126..65536 => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend([0; 4]);
    }
    bytes.extend_from_slice(payload);
    bytes
}
