//! Which address leads where. Every route is an annotated handler, so that the description in `openapi` cannot miss
//! one (clippy forbids `Router::route`), and has its row in `policy`.

use crate::http::{
    cases, desk, devices, docs, epochs, events, hand_in, health, hotline, letters, life, metrics, notices,
    orphans, outer, people, photos, places, quarantine, reference, sandbox, sessions, setup, sheets_in,
    sheets_out, start, sync, work_links, work_page,
};
use crate::openapi;
use crate::state::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// All routes over the shared state.
pub fn router(app: Arc<App>) -> Router {
    // Pictures do not get smaller, and an event must not wait in a compressor.
    let worth = SizeAbove::new(512)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/octet-stream"));
    let (routes, _) = annotated().split_for_parts();
    routes
        .fallback(outer::not_found)
        .method_not_allowed_fallback(outer::method_not_allowed)
        // Every handler has its own limit, in bytes unpacked.
        .layer(DefaultBodyLimit::disable())
        .layer(CompressionLayer::new().compress_when(worth))
        .layer(axum::middleware::from_fn_with_state(app.clone(), outer::layer))
        .with_state(app)
}

/// All routes with their descriptions.
pub(crate) fn annotated() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(phones())
        .merge(desks())
        .merge(places_over_time())
        .merge(server())
}

fn phones() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(devices::enrol))
        .routes(routes!(devices::refresh))
        .routes(routes!(devices::hand_in_nonce))
        .routes(routes!(devices::hand_in_token))
        .routes(routes!(sync::push))
        .routes(routes!(sync::pull))
        .routes(routes!(hand_in::hand_in))
        .routes(routes!(events::events))
        .routes(routes!(photos::options, photos::create))
        .routes(routes!(photos::options_of_upload, photos::head, photos::patch, photos::terminate))
        .routes(routes!(photos::download))
        .routes(routes!(epochs::lacking))
        .routes(routes!(sessions::me))
}

fn places_over_time() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(places::freshness))
        .routes(routes!(places::unseen))
        .routes(routes!(places::self_fixed))
        .routes(routes!(places::clusters))
        .routes(routes!(places::site_history))
        .routes(routes!(places::linked))
        .routes(routes!(places::own_month))
        .routes(routes!(places::own_month_file))
}

fn desks() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(sessions::sign_in, sessions::sign_out, sessions::current))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::own))
        .routes(routes!(sessions::end_own))
        .routes(routes!(cases::list))
        .routes(routes!(cases::counters))
        .routes(routes!(desk::take_next))
        .routes(routes!(desk::act_on_many))
        .routes(routes!(desk::keep, desk::give_back))
        .routes(routes!(cases::detail))
        .routes(routes!(cases::timeline))
        .routes(routes!(cases::act))
        .routes(routes!(life::advise))
        .routes(routes!(life::save_duty))
        .routes(routes!(life::gaps))
        .routes(routes!(life::list_calendars, life::save_calendars))
        .routes(routes!(life::save_roster, life::roster))
        .routes(routes!(life::draws))
        .routes(routes!(life::order_pause, life::list_pauses))
        .routes(routes!(life::ledger_page))
        .routes(routes!(life::ledger_sum))
        .routes(routes!(hotline::tickets, hotline::take_ticket))
        .routes(routes!(hotline::show_caller, hotline::forget_caller))
        .routes(routes!(hotline::reply))
        .routes(routes!(hotline::call_back))
        .routes(routes!(work_links::list_links, work_links::make_link))
        .routes(routes!(work_links::revoke_link))
        .routes(routes!(sheets_out::rectification))
        .routes(routes!(sheets_out::cases))
        .routes(routes!(sheets_out::dossier))
        .routes(routes!(sheets_in::import_rectification))
        .routes(routes!(sheets_in::import_findings))
        .routes(routes!(letters::issue, letters::list))
        .routes(routes!(letters::one))
        .routes(routes!(letters::page))
        .routes(routes!(letters::void))
        .routes(routes!(letters::receipt))
        .routes(routes!(epochs::after_restore))
        .routes(routes!(reference::looks))
        .routes(routes!(reference::list))
        .routes(routes!(people::list, people::create))
        .routes(routes!(people::one, people::change))
        .routes(routes!(people::grant))
        .routes(routes!(people::enrol_code))
        .routes(routes!(people::reset_password))
        .routes(routes!(people::sessions, people::end_sessions))
        .routes(routes!(people::end_session))
        .routes(routes!(people::end_grant))
        .routes(routes!(devices::list))
        .routes(routes!(devices::revoke))
        .routes(routes!(people::audit))
        .routes(routes!(quarantine::list))
        .routes(routes!(quarantine::show))
        .routes(routes!(quarantine::replay))
        .routes(routes!(quarantine::edit))
        .routes(routes!(quarantine::hand_to_case))
        .routes(routes!(quarantine::dismiss))
        .routes(routes!(notices::list))
        .routes(routes!(notices::list_channels, notices::add_channel))
        .routes(routes!(notices::change_channel, notices::remove_channel))
        .routes(routes!(notices::test_channel))
        .routes(routes!(orphans::list))
        .routes(routes!(orphans::adopt_op))
        .routes(routes!(orphans::adopt_photo))
}

fn server() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::version))
        .routes(routes!(metrics::metrics))
        .routes(routes!(work_page::open, work_page::submit))
        .routes(routes!(work_page::photo))
        .routes(routes!(setup::page))
        .routes(routes!(start::start_page))
        .routes(routes!(start::start_file))
        .routes(routes!(setup::run))
        .routes(routes!(sandbox::reset))
        .routes(routes!(docs::description))
        .routes(routes!(docs::docs_door))
        .routes(routes!(docs::docs_page))
        .routes(routes!(docs::problem_codes))
        .routes(routes!(docs::docs_file))
}
