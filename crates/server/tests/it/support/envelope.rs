//! Passwords encrypted as clients do it: the other half of `identity::credential::envelope`, written
//! against the document and not against that code.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey},
};
use base::secret::ExposeSecret;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use identity::credential::envelope::SignIn;
use serde_json::json;

fn public(pem: &str) -> PublicEncryptingKey {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    PublicEncryptingKey::from_der(&STANDARD.decode(lines).unwrap()).unwrap()
}

/// An envelope, as a browser makes it.
pub fn encrypt(public_pem: &str, kid: &str, content: &SignIn) -> String {
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = OaepPublicEncryptingKey::new(public(public_pem)).unwrap();
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid });
    let protected = b64(header.to_string().as_bytes());
    let (cek, iv) = (base::random::bytes::<32>(), base::random::bytes::<NONCE_LEN>());
    let mut wrapped = vec![0; key.ciphertext_size()];
    let wrapped = key.encrypt(&OAEP_SHA256_MGF1SHA256, &cek, &mut wrapped, None).unwrap().to_vec();
    let payload = json!({
        "password": content.password.expose_secret(), "nonce": content.nonce, "iat": content.iat,
    });
    let mut body = payload.to_string().into_bytes();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &cek).unwrap());
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(protected.as_bytes()), &mut body).unwrap();
    [protected, b64(&wrapped), b64(&iv), b64(&body), b64(tag.as_ref())].join(".")
}

/// As the seed's clients do it: raw RSAES-PKCS1-v1_5.
pub fn encrypt_pkcs1(public_pem: &str, password: &str) -> String {
    let key = Pkcs1PublicEncryptingKey::new(public(public_pem)).unwrap();
    let mut out = vec![0; key.ciphertext_size()];
    STANDARD.encode(key.encrypt(password.as_bytes(), &mut out).unwrap())
}
