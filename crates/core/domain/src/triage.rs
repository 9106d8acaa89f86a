//! Triage: the team, the priority and the service level of a case.

use std::fmt;

/// The triage of a dead letter's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triage {
    /// The team's queue.
    pub queue: Queue,
    /// The priority before a person has looked.
    pub priority: Priority,
    /// The service level: working hours until the case should be resolved.
    pub hours: u32,
}

impl Triage {
    /// The triage of a reason that this build does not know.
    pub const UNKNOWN: Triage = Triage { queue: Queue::Engineering, priority: Priority::High, hours: 4 };
}

macro_rules! names {
    ($(#[$meta:meta])+ $type:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])+
        pub enum $type { $($(#[doc = $doc])+ $variant),+ }

        impl $type {
            /// Every value, in order.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// Returns the name, as in tables and on command lines.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            /// Returns the value of a name.
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
        /// Deliveries from suppliers, and articles that run low.
        Purchasing = "purchasing",
        /// Labels, carriers, addresses that no carrier serves.
        CarrierDesk = "carrier-desk",
        /// Questions that only the customer or the shop can answer, and mails that did not reach their customer.
        CustomerService = "customer-service",
        /// Defects of despatch or of its servers.
        Engineering = "engineering",
    }
}

names! {
    /// How soon a person should look.
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

names! {
    /// The kind of an external provider. It decides the queue of its outages, and how long its events can wait.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    ProviderKind {
        /// Captures, refunds and voids payments.
        Payment = "payment",
        /// Sells labels and carries parcels.
        Carrier = "carrier",
        /// Takes mail.
        Mail = "mail",
        /// Takes notices to operators.
        Webhook = "webhook",
    }
}

impl ProviderKind {
    /// Returns the queue of the team that owns the provider's outages.
    pub const fn queue(self) -> Queue {
        match self {
            ProviderKind::Payment => Queue::Payments,
            ProviderKind::Carrier => Queue::CarrierDesk,
            ProviderKind::Mail | ProviderKind::Webhook => Queue::Engineering,
        }
    }
}

impl Priority {
    /// Returns 1 for low to 4 for urgent, by which tables sort.
    pub const fn number(self) -> i16 {
        match self {
            Priority::Low => 1,
            Priority::Normal => 2,
            Priority::High => 3,
            Priority::Urgent => 4,
        }
    }

    /// Returns the priority of a number.
    pub fn of_number(number: i16) -> Option<Self> {
        Priority::ALL.iter().copied().find(|priority| priority.number() == number)
    }
}
