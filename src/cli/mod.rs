pub fn main<T>(_: T) -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
