//! Who sees to what could not be finished, how soon, and how.

use std::fmt;

/// What a dead letter of some reason asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triage {
    /// Whose it is.
    pub queue: Queue,
    /// How soon somebody should look, before anybody has.
    pub priority: Priority,
    /// The service level: working hours until it should be resolved.
    pub hours: u32,
}

impl Triage {
    /// For a reason that this build does not know.
    pub const UNKNOWN: Triage = Triage { queue: Queue::Engineering, priority: Priority::High, hours: 4 };
}

macro_rules! names {
    ($(#[$meta:meta])+ $type:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])+
        pub enum $type { $($(#[doc = $doc])+ $variant),+ }

        impl $type {
            /// All of them, in order.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// The name, as it stands in tables and on command lines.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            /// The one of this name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names! {
    /// A team's queue.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    Queue {
        /// Captures, refunds, the payment provider.
        Payments = "payments",
        /// Stock and picking.
        Warehouse = "warehouse",
        /// Labels, carriers, addresses that no carrier serves.
        CarrierDesk = "carrier-desk",
        /// What only the customer or the shop can say.
        CustomerService = "customer-service",
        /// What is wrong with despatch or what it runs on.
        Engineering = "engineering",
    }
}

names! {
    /// How soon somebody should look.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    Priority {
        /// When there is time: no order waits for it.
        Low = "low",
        /// In its turn: an order waits, and no money was taken for it.
        Normal = "normal",
        /// Before others: money was taken for an order that stands still, or something runs out.
        High = "high",
        /// Now: money is wrong, or many orders may fail like this one.
        Urgent = "urgent",
    }
}

impl Priority {
    /// 1 for low to 4 for urgent, as tables sort by.
    pub const fn number(self) -> i16 {
        match self {
            Priority::Low => 1,
            Priority::Normal => 2,
            Priority::High => 3,
            Priority::Urgent => 4,
        }
    }

    /// The priority of a number.
    pub fn of_number(number: i16) -> Option<Self> {
        Priority::ALL.iter().copied().find(|priority| priority.number() == number)
    }
}
