//! What the manifest's `config` says, by the interface `wasi:config/store`.

wit_bindgen::generate!({
    inline: "
        package app:app;
        world app {
            import wasi:config/store@0.2.0-rc.1;
        }
        package wasi:config@0.2.0-rc.1 {
            interface store {
                variant error {
                    upstream(string),
                    io(string),
                }
                get: func(key: string) -> result<option<string>, error>;
            }
        }
    ",
    generate_all,
});

pub fn get(key: &str) -> Option<String> {
    wasi::config::store::get(key).ok().flatten()
}
