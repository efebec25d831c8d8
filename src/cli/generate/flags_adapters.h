#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "api/run/generate.h"
#include "api/run/lora_settings.h"
#include "base/status.h"

namespace tempera::cli {

// LoRA files, textual inversions and a decoder in the VAE's place.
struct AdapterFlags {
  std::vector<std::string> loras;
  std::string lora_folder, embedding_folder, taesd;
  void add(CLI::App& app);
  Status apply(api::GenerateSettings& settings) const;
  // Those of the flags, then those of the prompt's tags, which plain prompts do not have.
  Result<std::vector<api::LoraSetting>> lora_settings(const std::string& prompt,
                                                      diffusion::PromptLanguage language) const;
};

}  // namespace tempera::cli
