//! The runtime against real servers, through a worker made for the purpose.

mod toy;

mod recording;
