#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "api/run/generate.h"
#include "base/status.h"
#include "cli/flags.h"
#include "cli/generate/flags_adapters.h"
#include "cli/generate/flags_compat.h"
#include "cli/generate/flags_hires.h"
#include "cli/generate/flags_init_image.h"
#include "cli/generate/flags_noise.h"
#include "cli/generate/flags_output.h"
#include "cli/generate/flags_prompt.h"
#include "cli/generate/flags_sampler.h"
#include "cli/generate/grid.h"

namespace tempera::cli {

// All flags of `tempera generate`.
struct GenerateFlags {
  CLI::App* app = nullptr;  // that these were added to
  std::string prompt, prompt_file, seed, like, save_latents, initial_latents;
  std::string max_memory;
  bool save_steps = false, dry_run = false, json = false, quiet = false;
  ModelFlag model;
  api::OpenModel open;
  CompileFlags compile;
  SavingFlags saving;
  AdapterFlags adapters;
  InitImageFlags init_image;
  HiresFlags hires;
  GridFlags grid;
  PromptFlags prompts;
  NoiseFlags noise;
  SamplerFlags sampler;
  CompatFlags compat;
  OutputFlags output;
  api::GenerateSettings settings;
};

// Flags that a setting may consist of, beside prompts and seeds.
void add_setting_flags(CLI::App& app, GenerateFlags& flags);
// The others: how many pictures, where they go, and what is told of them.
void add_output_flags(CLI::App& app, GenerateFlags& flags);

// Sets what the setting flags say of a picture; invalid_argument for values that make no sense.
Status apply_setting(GenerateFlags& flags);
// That, and the seeds and the output flags.
Status apply_flags(GenerateFlags& flags);
// Sets the prompt, from its flag or its file. invalid_argument: none, or two.
Status read_prompt(GenerateFlags& flags);

}  // namespace tempera::cli
