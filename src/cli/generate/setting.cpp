#include "cli/generate/setting.h"

#include <fmt/ranges.h>

#include <sstream>

#include "base/suggest.h"
#include "base/text.h"
#include "cli/generate/generate_flags.h"

namespace tempera::cli {
namespace {

// CLI11 takes arguments last first.
std::vector<std::string> setting_arguments(const std::string& text) {
  std::vector<std::string> arguments;
  std::istringstream words(text);
  for (std::string word; words >> word;) arguments.insert(arguments.begin(), "--" + word);
  return arguments;
}

Error setting_error(const std::string& text, const CLI::App& app, const CLI::ParseError& failure) {
  if (dynamic_cast<const CLI::ExtrasError*>(&failure) == nullptr)
    return error(ErrorCode::invalid_argument, "the setting {}: {}", quote(text), failure.what());
  const std::vector<std::string> rest = app.remaining();
  const std::string flag = rest.empty() ? "" : rest.front().substr(0, rest.front().find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return error(ErrorCode::invalid_argument, "the setting {}: generate has no flag {}{}",
               quote(text), quote(flag), suggestion(flag, names));
}

}  // namespace

Status parse_cell(const std::vector<std::string>& cell, GenerateFlags& flags) {
  CLI::App app;
  add_setting_flags(app, flags);
  try {
    app.parse(std::vector<std::string>(cell.rbegin(), cell.rend()));
  } catch (const CLI::ParseError& failure) {
    return setting_error(fmt::format("{}", fmt::join(cell, " ")), app, failure);
  }
  return {};
}

Result<Setting> parse_setting(const std::string& text) {
  CLI::App app;
  GenerateFlags flags;
  add_setting_flags(app, flags);
  try {
    app.parse(setting_arguments(text));
  } catch (const CLI::ParseError& failure) {
    return setting_error(text, app, failure);
  }
  if (!flags.seed.empty() || !flags.prompt_file.empty() || !flags.prompts.wildcard_dir.empty() ||
      flags.settings.batch_size)
    return error(ErrorCode::invalid_argument,
                 "the setting {}: prompts and seeds are those of the samples", quote(text));
  TRY(apply_setting(flags));
  Setting setting{flags.compile.options(), flags.settings};
  ASSIGN_OR_RETURN(setting.compile.loras,
                   flags.adapters.lora_settings("", diffusion::PromptLanguage::plain));
  setting.compile.taesd = flags.adapters.taesd;
  return setting;
}

}  // namespace tempera::cli
