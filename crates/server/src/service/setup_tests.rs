//! The set-up link: once, and only while there is nobody.

use super::*;
use crate::service::people;
use crate::service::testing::{T0, house};

#[test]
fn the_link_makes_one_administrator_and_is_then_void() {
    let house = house();
    let old = open(&house).expect("sound").expect("nobody is there");
    let token = open(&house).expect("sound").expect("still nobody");
    let code = |checked: Result<(), ServiceError>| match checked {
        Err(ServiceError::Refused(text, _)) => text.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(check(&house, &old)), SETUP_LINK_OLD.code, "a new start replaces the link");
    assert_eq!(code(check(&house, "guess")), SETUP_LINK_OLD.code);
    let mut request = SetupRequest {
        token: token.clone(),
        login: String::new(),
        name: "管".into(),
        password: "long enough".into(),
    };
    assert!(run(&house, &request, T0).is_err());
    check(&house, &token).expect("a field that will not do costs no link");
    request.login = "admin".into();
    let person = run(&house, &request, T0).expect("sound");
    assert_eq!(code(check(&house, &token)), SETUP_DONE.code);
    assert_eq!(open(&house).expect("sound"), None);
    let all = people::list(&house).expect("sound");
    assert_eq!(
        (all.len(), all[0].person_id, &all[0].grants[0].grant.role),
        (1, person, &Role::Administrator)
    );
}
