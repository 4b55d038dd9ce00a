//! A replica on a device: mirror, outbox, view, photo queue, stepped by its host. Knows no server, store or HTTP library.
