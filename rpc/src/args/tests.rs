//! How parameters find their places; what is wrong with each value is tested through the server.

use super::Args;
use crate::methods::find;

fn parse(method: &str, params: Option<&str>) -> Result<Args, String> {
    Args::parse(find(method).unwrap(), params).map_err(|error| error.code().to_owned())
}

#[test]
fn null_and_absence_stand_for_the_default() {
    for params in [r#"["x"]"#, r#"["x",null]"#, r#"["x",null,null]"#, r#"{"address":"x","limit":null}"#] {
        let args = parse("account_history", Some(params)).unwrap();
        assert_eq!(args.by_position(), r#"["x",null,50]"#, "{params}");
        let page = args.page().unwrap();
        assert_eq!((page.cursor, page.limit), (None, 50));
    }
    let args = parse("account_history", Some(r#"{"limit":7,"cursor":"c","address":"x"}"#)).unwrap();
    let page = args.page().unwrap();
    assert_eq!((page.cursor.as_deref(), page.limit), (Some("c"), 7));
}

#[test]
fn nothing_is_as_good_as_an_empty_list() {
    for params in [None, Some("[]"), Some("{}"), Some("null")] {
        assert!(parse("chain_info", params).is_ok(), "{params:?}");
        assert_eq!(parse("chain_getBlock", params).unwrap_err(), "missing_parameter");
    }
}

#[test]
fn a_number_that_may_be_left_out_is_still_bounded() {
    let number = |params: &str| {
        parse("mining_start", Some(params))
            .unwrap()
            .optional_number("threads", 1..=8)
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(number("[]"), Ok(None));
    assert_eq!(number("[null,8]"), Ok(Some(8)));
    assert_eq!(number("[null,9]"), Err("out_of_range".to_owned()));
    assert_eq!(number("[null,1.5]"), Err("bad_parameter".to_owned()));
}
