#include "cli/generate/flags_prompt.h"

namespace tempera::cli {

void PromptFlags::add(CLI::App& app) {
  app.add_option(
         "--prompt-language", language,
         "a1111: (more), [less], (text:1.3), BREAK, [from:to:when], [a|b], AND, any length; "
         "plain: as it stands, cut at the text encoder's length")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--wildcard-dir", wildcard_dir,
                 "Put a line of DIR/name.txt, chosen by the seed, in the place of each __name__")
      ->type_name("DIR");
  app.add_option("--clip-skip", clip_skip,
                 "Stop at the text encoder's last layer but N - 1: 1 skips none")
      ->type_name("N")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
}

void PromptFlags::add_file(CLI::App& app) {
  app.add_option("--prompts-file", file,
                 "Make a picture for each line, named by {index}; those that are there already are "
                 "not made again; - is stdin")
      ->type_name("FILE");
}

Status PromptFlags::apply(api::GenerateSettings& settings) const {
  ASSIGN_OR_RETURN(settings.prompts.language, diffusion::parse_prompt_language(language));
  settings.prompts.clip_skip = clip_skip;
  return {};
}

}  // namespace tempera::cli
