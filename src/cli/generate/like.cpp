#include "cli/generate/like.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace tempera::cli {
namespace {

// Flags that say where pictures go, how many there are or what is told of them, and those whose
// meaning the request holds.
constexpr std::string_view kNoSettings[] = {
    "help",        "output",       "quality",      "no-metadata", "like",          "json",
    "quiet",       "dry-run",      "save-latents", "save-steps",  "threads",       "time-passes",
    "show",        "grid",         "grid-x",       "grid-y",      "preview-every", "preview",
    "prompt-file", "prompts-file", "batch-size",   "batch-count", "taesd-preview"};

std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name(true) : option.get_lnames().front();
}

std::string spelled(const std::string& name) { return name == "PROMPT" ? name : "--" + name; }

CLI::Option* find_option(CLI::App& app, const std::string& name) {
  return app.get_option_no_throw(spelled(name));
}

bool is_given(const CLI::App& app, const std::string& name) {
  const CLI::Option* option = app.get_option_no_throw(spelled(name));
  return option && option->count() > 0;
}

// Whether the command line says it, or says what it hangs on.
bool is_decided(const CLI::App& app, const std::string& name) {
  if (name == "PROMPT")
    return is_given(app, "PROMPT") || is_given(app, "prompt-file") || is_given(app, "prompts-file");
  if (name == "schedule" || name == "timestep-spacing" || name == "eta")
    return is_given(app, name) || is_given(app, "sampler");
  return is_given(app, name);
}

std::vector<std::string> texts_of(const Json& value) {
  std::vector<std::string> texts;
  if (!value.is_array()) return {value.is_string() ? value.get<std::string>() : value.dump()};
  for (const Json& one : value)
    texts.push_back(one.is_string() ? one.get<std::string>() : one.dump());
  return texts;
}

Status set_option(CLI::Option& option, const std::string& name, const Json& value,
                  const std::string& picture) {
  try {
    for (std::string& text : texts_of(value)) option.add_result(std::move(text));
    option.run_callback();
  } catch (const CLI::Error& failure) {
    return error(ErrorCode::invalid_argument, "{}: its setting {} {}: {}", picture, name,
                 quote(value.dump()), failure.what());
  }
  return {};
}

// The flag of the picture that a setting is about; a text holds no pictures. Empty: none.
std::string_view picture_for(std::string_view name) {
  if (name == "strength") return "init-image";
  const bool is_of_mask =
      name == "mask-blur" || name == "mask-fill" || name.starts_with("only-masked");
  return is_of_mask ? "mask" : "";
}

void tell_left_out(const std::vector<std::string>& names) {
  if (names.empty()) return;
  log(LogLevel::warning, "not taken over from the picture: {}", fmt::join(names, ", "));
}

}  // namespace

Status set_like(const std::string& picture, CLI::App& app, std::string& model) {
  ASSIGN_OR_RETURN(api::PictureSettings settings, api::settings_of_picture(picture));
  model = settings.model;
  std::vector<std::pair<std::string, Json>> taken;
  for (auto& [name, value] : settings.flags)
    if (!is_decided(app, name)) taken.emplace_back(name, std::move(value));
  for (const auto& [name, value] : taken) {
    CLI::Option* option = find_option(app, name);
    const std::string_view needed = settings.is_ours ? "" : picture_for(name);
    const bool lacks_picture = !needed.empty() && !is_given(app, std::string(needed));
    if (option && !lacks_picture) {
      TRY(set_option(*option, name, value, picture));
    } else {
      settings.left_out.push_back(lacks_picture ? fmt::format("{} (give --{})", name, needed)
                                                : name);
    }
  }
  tell_left_out(settings.left_out);
  return {};
}

api::Flags picture_flags(const CLI::App& app, const diffusion::PictureRequest& request,
                         const std::vector<std::string>& cell, size_t index) {
  api::Flags flags = api::flags_of(request, index);
  // Sizes that come from an init image come from it again.
  if (is_given(app, "init-image"))
    std::erase_if(flags, [&](const auto& flag) {
      return (flag.first == "width" || flag.first == "height") && !is_given(app, flag.first);
    });
  const auto is_said = [&](const std::string& name) {
    return std::ranges::any_of(flags, [&](const auto& flag) { return flag.first == name; });
  };
  for (const std::string& setting : cell) {
    const size_t equals = setting.find('=');
    const std::string name = setting.substr(2, equals - 2);
    if (!is_said(name)) flags.emplace_back(name, setting.substr(equals + 1));
  }
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = name_of(*option);
    if (option->count() == 0 || std::ranges::find(kNoSettings, name) != std::end(kNoSettings) ||
        is_said(name))
      continue;
    const std::vector<std::string> results = option->results();
    flags.emplace_back(name, results.size() == 1 ? Json(results[0]) : Json(results));
  }
  return flags;
}

}  // namespace tempera::cli
