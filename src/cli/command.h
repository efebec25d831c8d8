#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>

#include "api/run/compile_options.h"
#include "base/status.h"

namespace tempera::cli {

// What the command line asked for, to be run after it was parsed.
using Action = std::function<Status()>;

// Each adds its subcommand to the program; parsing that subcommand sets `action`.
// `open` gives them their model.
void add_generate(CLI::App& program, Action& action, const api::OpenModel& open);
void add_compile(CLI::App& program, Action& action);
void add_convert(CLI::App& program, Action& action);
void add_run(CLI::App& program, Action& action, const api::OpenModel& open);
void add_profile(CLI::App& program, Action& action);
void add_inspect(CLI::App& program, Action& action);
void add_accuracy(CLI::App& program, Action& action);
void add_quality(CLI::App& program, Action& action);
void add_prompt(CLI::App& program, Action& action);
void add_tokenize(CLI::App& program, Action& action, const api::OpenModel& open);
void add_samplers(CLI::App& program, Action& action, const api::OpenModel& open);
void add_cache(CLI::App& program, Action& action);
void add_noise(CLI::App& program, Action& action);
void add_devices(CLI::App& program, Action& action);
void add_version(CLI::App& program, Action& action);

struct ProgramText {
  std::string name, about, footer;
};
// Parses and runs the subcommands that `add` adds; returns the exit code (docs/errors.md), also for
// our own bugs.
int run_program(const ProgramText& text, const std::function<void(CLI::App&, Action&)>& add,
                std::span<const char* const> arguments);

}  // namespace tempera::cli
