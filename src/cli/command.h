#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/status.h"

namespace tempera::cli {

// What the command line asked for, to be run after it was parsed.
using Action = std::function<Status()>;

// Each adds its subcommand to the program; parsing that subcommand sets `action`.
void add_generate(CLI::App& program, Action& action);
void add_compile(CLI::App& program, Action& action);
void add_run(CLI::App& program, Action& action);
void add_profile(CLI::App& program, Action& action);
void add_inspect(CLI::App& program, Action& action);
void add_accuracy(CLI::App& program, Action& action);
void add_quality(CLI::App& program, Action& action);
void add_tokenize(CLI::App& program, Action& action);
void add_samplers(CLI::App& program, Action& action);
void add_devices(CLI::App& program, Action& action);
void add_version(CLI::App& program, Action& action);

// Parses and runs; returns the exit code (docs/errors.md).
int run_program(int argc, const char* const* argv);

}  // namespace tempera::cli
