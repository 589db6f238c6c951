//! A second opinion: what is told here, `tls-parser` finds too.

use proptest::prelude::*;
use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extension,
    parse_tls_message_handshake,
};

use super::{super::handshake_name, client_hello::ClientHello, std};
use std::{vec, vec::Vec};

/// All server names in a hello, as `tls-parser` has them; none where it sees no hello.
fn server_names(message: &[u8]) -> Vec<Vec<u8>> {
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) =
        parse_tls_message_handshake(message)
    else {
        return vec![];
    };
    let extensions = server_name_extensions(hello.ext.unwrap_or_default());
    let lists = extensions.into_iter().map(parse_tls_client_hello_extension);
    let lists = lists.filter_map(|extension| match extension {
        Ok((_, TlsExtension::SNI(list))) => Some(list),
        _ => None,
    });
    lists.flatten().map(|(_, name)| name.to_vec()).collect()
}

/// `tls-parser` looks into extensions of other types too and sees nothing at all where one of them
/// is wrong, which means nothing to a name.
fn server_name_extensions(mut block: &[u8]) -> Vec<&[u8]> {
    let mut found = vec![];
    while let Some([a, b, c, d]) = block.first_chunk::<4>() {
        let len = 4 + usize::from(u16::from_be_bytes([*c, *d]));
        let Some((extension, rest)) = block.split_at_checked(len) else { break };
        if [*a, *b] == [0, 0] {
            found.push(extension);
        }
        block = rest;
    }
    found
}

/// Ours is the stricter one: it may find none where the other does, but never another.
fn agree(message: &[u8]) -> Result<bool, TestCaseError> {
    let Ok(names) = handshake_name(message) else { return Ok(false) };
    let (_, name) = names.host().unwrap();
    prop_assert_eq!(server_names(message), vec![name.to_vec()]);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn on_good_hellos(
        name in prop::collection::vec(any::<u8>(), 1..254), before in 0u16..9, len in 0usize..99,
    ) {
        // From 60000: `tls-parser` looks into those extensions that it knows.
        let hello = (0..before)
            .fold(ClientHello::new(), |hello, n| hello.extension(60_000 + n, vec![3; len]))
            .sni(name)
            .key_share();
        prop_assert!(agree(&hello.message())?);
    }

    #[test]
    fn on_damaged_hellos(
        name in "[a-z.]{1,40}", twice: bool, at in any::<prop::sample::Index>(), byte: u8,
        near: bool, len in 0usize..40,
    ) {
        let hello = ClientHello::new().session(0).extension(60_000, vec![0; len]).sni(&name);
        let mut message = if twice { hello.sni(name) } else { hello }.message();
        let place = at.get_mut(&mut message);
        *place = if near { place.wrapping_add(byte % 5).wrapping_sub(2) } else { byte };
        agree(&message)?;
    }
}
