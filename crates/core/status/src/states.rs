//! Closed sets of states: each lists its states, names them, and parses names.

/// Declares a set of states with their names.
///
/// Tables, JSON and metrics hold the name. Reading a row or JSON with another name is an error.
macro_rules! states {
    (
        $(#[$meta:meta])*
        pub enum $states:ident ($what:literal) {
            $($(#[$state_meta:meta])* $state:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        pub enum $states {
            $($(#[$state_meta])* #[serde(rename = $name)] $state,)+
        }

        impl $states {
            /// Every state, in its order.
            pub const ALL: &'static [$states] = &[$($states::$state),+];

            /// Returns the name, as in tables and answers.
            pub const fn name(self) -> &'static str {
                match self {
                    $($states::$state => $name,)+
                }
            }

            /// Returns the state of a name; `None` if there is no such state.
            pub fn parse(name: &str) -> Option<$states> {
                $states::ALL.iter().copied().find(|state| state.name() == name)
            }
        }

        impl ::std::fmt::Display for $states {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl<'a> ::postgres_types::FromSql<'a> for $states {
            fn from_sql(
                ty: &::postgres_types::Type,
                raw: &'a [u8],
            ) -> Result<Self, Box<dyn ::std::error::Error + Sync + Send>> {
                let name = <&str>::from_sql(ty, raw)?;
                $states::parse(name).ok_or_else(|| format!(concat!("expected a state of ", $what, ", found {:?}"), name).into())
            }

            fn accepts(ty: &::postgres_types::Type) -> bool {
                <&str as ::postgres_types::FromSql>::accepts(ty)
            }
        }
    };
}

pub(crate) use states;

#[cfg(test)]
mod tests {
    use postgres_types::{FromSql as _, Type};

    use crate::{OrderState, ParcelStage, ReviewState};

    #[test]
    fn names_are_read_back() {
        for state in OrderState::ALL {
            assert_eq!(OrderState::parse(state.name()), Some(*state));
        }
        for stage in ParcelStage::ALL {
            assert_eq!(ParcelStage::parse(stage.name()), Some(*stage));
        }
        for state in ReviewState::ALL {
            assert_eq!(ReviewState::parse(state.name()), Some(*state));
        }
        assert_eq!(OrderState::parse("lost"), None);
    }

    #[test]
    fn a_row_with_another_name_is_an_error() {
        assert_eq!(
            ReviewState::from_sql(&Type::TEXT, b"awaiting-delivery").unwrap(),
            ReviewState::AwaitingDelivery
        );
        let error = OrderState::from_sql(&Type::TEXT, b"lost").unwrap_err();
        assert_eq!(error.to_string(), r#"expected a state of an order, found "lost""#);
    }
}
