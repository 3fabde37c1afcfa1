//! Lets the library come between pgrx and PostgreSQL where an error is raised: see `src/pg/memory.rs`.

fn main() {
    for function in ["errstart", "CopyErrorData"] {
        println!("cargo:rustc-link-arg-cdylib=-Wl,--wrap={function}");
    }
    // To its own functions of these names, whatever other libraries the server has loaded.
    println!("cargo:rustc-link-arg-cdylib=-Wl,-Bsymbolic-functions");
    println!("cargo:rerun-if-changed=build.rs");
}
