//! The server's description of its interface, as a file; and its routes, a line each. Decides nothing.

use crate::out::{Done, Failure, Tried as _};
use blindspot_server::openapi;
use std::path::Path;

/// Where the description lies.
const FILE: &str = "api-spec/openapi.json";

/// Writes the description, or compares it with what is there.
pub(crate) fn run(check: bool) -> Done {
    let path = Path::new(FILE);
    let text = format!("{:#}\n", openapi::document());
    if check {
        if std::fs::read_to_string(path).unwrap_or_default() != text {
            return Err(Failure::new(
                format!("{FILE} 与代码不一致，请运行 cargo xtask openapi"),
                format!("{FILE} differs from the code; run `cargo xtask openapi`"),
            ));
        }
    } else {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).tried("建不了文件夹", "cannot make the folder")?;
        std::fs::write(path, text).tried("写不了文件", "cannot write the file")?;
    }
    println!("{FILE}: {} routes", openapi::routes().len());
    Ok(())
}

/// Prints every route with who may call it.
pub(crate) fn routes(json: bool) -> Done {
    for route in openapi::routes() {
        if json {
            let line = serde_json::to_string(&route).tried("写不了 JSON", "cannot write JSON")?;
            println!("{line}");
        } else {
            println!("{:<8}{:<34}{}", route.method, route.path, route.role);
        }
    }
    Ok(())
}
