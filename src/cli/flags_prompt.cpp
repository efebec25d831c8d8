#include "cli/flags_prompt.h"

namespace tempera::cli {

void PromptFlags::add(CLI::App& app) {
  app.add_option(
         "--prompt-language", language,
         "a1111: (more), [less], (text:1.3), BREAK, [from:to:when], [a|b], AND, any length; "
         "plain: as it stands, cut at the text encoder's length")
      ->type_name("NAME")
      ->capture_default_str();
}

Status PromptFlags::apply(api::GenerateSettings& settings) const {
  ASSIGN_OR_RETURN(settings.prompts.language, diffusion::parse_prompt_language(language));
  return {};
}

}  // namespace tempera::cli
