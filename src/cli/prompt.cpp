#include <fmt/format.h>

#include <memory>

#include "api/run/prompt_text.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string text;
  ModelFlag model;
  int64_t steps = 20;
  bool json = false;
};

std::string line_of(const Json& entry, int64_t first) {
  std::string line = fmt::format("  steps {}-{}, {} chunk(s):", first,
                                 entry["last_step"].get<int64_t>(), entry["chunks"].size());
  for (const Json& run : entry["runs"]) {
    const auto weight = run[1].get<double>();
    const auto text = run[0].get<std::string>();
    if (weight == 1.0 || (text == "BREAK" && weight == -1.0))
      line += " " + text;
    else
      line += fmt::format(" ({}:{:.4g})", text, weight);
  }
  return line;
}

Status describe(Flags& flags) {
  if (flags.text == "-") {
    ASSIGN_OR_RETURN(flags.text, read_file("/dev/stdin", 1 << 20));
  }
  ASSIGN_OR_RETURN(const std::string folder, flags.model.path());
  ASSIGN_OR_RETURN(const Json prompt, api::describe_prompt(folder, flags.text, flags.steps));
  if (flags.json) {
    print(prompt.dump());
    return {};
  }
  for (const Json& part : prompt["parts"]) {
    print(fmt::format("weight {:.4g}", part["weight"].get<double>()));
    int64_t first = 1;
    for (const Json& entry : part["schedule"]) {
      print(line_of(entry, first));
      first = entry["last_step"].get<int64_t>() + 1;
    }
  }
  return {};
}

}  // namespace

void add_prompt(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand("prompt", "Print what a prompt means, step by step");
  auto flags = std::make_shared<Flags>();
  app->add_option("TEXT", flags->text, "The prompt; - reads standard input whole")->required();
  flags->model.add(*app);
  app->add_option("--steps", flags->steps, "Sampling steps")->type_name("N")->capture_default_str();
  app->add_flag("--json", flags->json, "Print parts, texts by step, weights and token ids as JSON");
  app->footer(
      "Example:\n  tempera prompt \"a (red:1.3) [heart:star:0.5] AND night:0.4\" --steps 8");
  app->callback([flags, &action] { action = [flags] { return describe(*flags); }; });
}

}  // namespace tempera::cli
