#include "cli/generate/flags_adapters.h"

namespace tempera::cli {

void AdapterFlags::add(CLI::App& app) {
  app.add_option("--lora", loras,
                 "Merge a LoRA, LoCon, LoHa, LoKr or DoRA file into the model at this strength, or "
                 "these of the text encoder and the UNet; may be given several times")
      ->type_name("FILE[:X[:X]]")
      ->allow_extra_args(false);
  app.add_option("--lora-dir", lora_folder,
                 "Where <lora:name:0.8> and <lora:name:TEXT:UNET> in a prompt find their files")
      ->type_name("DIR");
  app.add_option("--embedding-dir", embedding_folder,
                 "Textual inversions: each file's name is a word for prompts")
      ->type_name("DIR");
  app.add_option("--taesd", taesd,
                 "Decode with this TAESD: many times faster than the VAE, with less fine detail")
      ->type_name("FILE");
}

Status AdapterFlags::apply(api::GenerateSettings& settings) const {
  settings.embedding_folder = embedding_folder;
  return {};
}

Result<std::vector<api::LoraSetting>> AdapterFlags::lora_settings(
    const std::string& prompt, diffusion::PromptLanguage language) const {
  std::vector<api::LoraSetting> settings;
  for (const std::string& text : loras) {
    ASSIGN_OR_RETURN(api::LoraSetting lora, api::parse_lora_setting(text, lora_folder));
    settings.push_back(std::move(lora));
  }
  if (language == diffusion::PromptLanguage::plain) return settings;
  ASSIGN_OR_RETURN(const auto named, api::loras_in_prompt(prompt, lora_folder));
  settings.insert(settings.end(), named.begin(), named.end());
  return settings;
}

}  // namespace tempera::cli
