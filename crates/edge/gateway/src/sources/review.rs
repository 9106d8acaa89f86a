//! A customer's review, parsed from a form or from JSON.

use serde::Deserialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::sources::fields::json::{self, Invalid, required, text};

/// The longest accepted comment, in characters; the form says so too.
const LONGEST_COMMENT: usize = 5000;

/// A review.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Review {
    /// 1 to 5.
    pub(crate) rating: u32,
    /// May be empty.
    pub(crate) comment: String,
}

/// A customer's review.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubmittedReview)]
pub(crate) struct ReviewJson {
    /// Stars.
    #[schema(required, nullable = false, minimum = 1, maximum = 5)]
    rating: Option<u32>,
    /// May be empty.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 5000)]
    comment: String,
}

/// Parses `{"rating": 5, "comment": "…"}`.
pub(crate) fn from_json(body: &[u8]) -> Result<Review, Invalid> {
    let json: ReviewJson = json::read(body)?;
    checked(json.rating, json.comment)
}

/// Parses `rating=5&comment=…`, as a browser sends it.
pub(crate) fn from_form(body: &[u8]) -> Result<Review, Invalid> {
    let (mut rating, mut comment) = (None, String::new());
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "rating" => rating = value.parse().ok(),
            "comment" => value.trim().clone_into(&mut comment),
            _ => {}
        }
    }
    checked(rating, comment)
}

fn checked(rating: Option<u32>, comment: String) -> Result<Review, Invalid> {
    let rating = required(rating, || "rating".into())?;
    if !(1..=5).contains(&rating) {
        return Err(Invalid::new("rating", format!("expected 1 to 5, found {rating}")));
    }
    if comment.chars().count() > LONGEST_COMMENT || comment.contains('\0') {
        let problem = format!("expected at most {LONGEST_COMMENT} characters, none of them U+0000");
        return Err(Invalid::new("comment", problem));
    }
    Ok(Review { rating, comment })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_json_say_the_same() {
        let review = Review { rating: 4, comment: "Très bien, merci".into() };
        assert_eq!(from_form("rating=4&comment=+Tr%C3%A8s+bien%2C+merci&x=1".as_bytes()), Ok(review));
        let review = Review { rating: 4, comment: "Très bien, merci".into() };
        assert_eq!(from_json(r#"{"rating": 4, "comment": "Très bien, merci"}"#.as_bytes()), Ok(review));
        assert_eq!(from_form(b"rating=1"), Ok(Review { rating: 1, comment: String::new() }));
    }

    #[test]
    fn what_is_no_review_is_an_error() {
        for form in ["", "comment=good", "rating=", "rating=0", "rating=6", "rating=five", "rating=-1"] {
            assert_eq!(from_form(form.as_bytes()).unwrap_err().field, "rating", "{form}");
        }
        let long = format!("rating=5&comment={}", "x".repeat(LONGEST_COMMENT + 1));
        for form in ["rating=5&comment=%00", &long] {
            assert_eq!(from_form(form.as_bytes()).unwrap_err().field, "comment");
        }
        assert_eq!(from_json(br#"{"rating": 5, "stars": 5}"#).unwrap_err().field, "stars");
    }
}
