#include <fmt/ranges.h>

#include <memory>

#include "api/run/text.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string text;
  ModelFlag model;
  api::ModelFiles files;
  api::OpenModel open;
  bool pad = false, json = false;
};

Status tokenize(Flags& flags) {
  if (flags.text == "-") {
    ASSIGN_OR_RETURN(flags.text, read_file("/dev/stdin", 64 << 20));
  }
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  ASSIGN_OR_RETURN(const TextSources sources, text_sources(model, flags.open, flags.files));
  const std::string& folder = sources.tokenizer;
  ASSIGN_OR_RETURN(const std::vector<int32_t> ids, flags.pad
                                                       ? api::tokenize_padded(folder, flags.text)
                                                       : api::tokenize(folder, flags.text));
  if (flags.json)
    print(Json{{"ids", ids}}.dump());
  else
    print(fmt::format("{}", fmt::join(ids, " ")));
  return {};
}

}  // namespace

void add_tokenize(CLI::App& program, Action& action, const api::OpenModel& open) {
  CLI::App* app = program.add_subcommand("tokenize", "Print the ids of a text");
  auto flags = std::make_shared<Flags>();
  flags->open = open;
  app->add_option("TEXT", flags->text, "The text; - reads standard input whole")->required();
  flags->model.add(*app);
  app->add_option("--config", flags->files.config, "Take the tokenizer from this diffusers folder")
      ->type_name("DIR");
  app->add_flag("--pad", flags->pad, "Cut and pad to the model's length");
  app->add_flag("--json", flags->json, "Print {\"ids\": [...]}");
  app->footer("Example:\n  tempera tokenize \"a red heart\" --json");
  app->callback([flags, &action] { action = [flags] { return tokenize(*flags); }; });
}

}  // namespace tempera::cli
