#include "api/compile/compile.h"
#include "cli/command.h"

namespace tempera::cli {
namespace {

void add_all(CLI::App& program, Action& action) {
  const api::OpenModel open = api::open_model;
  add_generate(program, action, open);
  add_compile(program, action);
  add_run(program, action, open);
  for (auto* add :
       {add_convert, add_profile, add_inspect, add_accuracy, add_quality, add_cache, add_prompt})
    add(program, action);
  for (auto* add : {add_tokenize, add_samplers}) add(program, action, open);
  for (auto* add : {add_noise, add_devices, add_version}) add(program, action);
}

}  // namespace
}  // namespace tempera::cli

int main(int argc, char** argv) {
  return tempera::cli::run_program(
      {.name = "tempera",
       .about = "Tempera compiles Stable Diffusion models and runs them.",
       .footer = "Example: tempera generate \"a red heart\"\n"
                 "Every subcommand has its own --help."},
      tempera::cli::add_all, {argv, static_cast<size_t>(argc)});
}
