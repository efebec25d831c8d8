// tempera-run: what runs artifacts, without the compiler.
#include "api/run/artifact_source.h"
#include "cli/command.h"

namespace tempera::cli {
namespace {

void add_all(CLI::App& program, Action& action) {
  const api::OpenModel open = api::open_artifact_model;
  add_generate(program, action, open);
  add_run(program, action, open);
  for (auto* add : {add_tokenize, add_samplers}) add(program, action, open);
  for (auto* add : {add_prompt, add_noise}) add(program, action);
}

}  // namespace
}  // namespace tempera::cli

int main(int argc, char** argv) {
  return tempera::cli::run_program(
      {.name = "tempera-run",
       .about = "Runs Stable Diffusion models that tempera compile has made.",
       .footer = "Example: tempera-run generate \"a red heart\" -m ARTIFACT\n"
                 "Every subcommand has its own --help."},
      tempera::cli::add_all, {argv, static_cast<size_t>(argc)});
}
