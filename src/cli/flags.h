#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/run/compile_options.h"
#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// Flags that several subcommands share. Each group adds itself to a subcommand.

struct ModelFlag {
  std::string folder;  // as given; empty: the default model
  void add(CLI::App& app);
  Result<std::string> path() const;
};

// Where tokenizer and scheduler of a model are: in a folder; for a single file what `open` says
// that it has.
struct TextSources {
  std::string tokenizer, scheduler;
};
Result<TextSources> text_sources(const std::string& model, const api::OpenModel& open,
                                 const api::ModelFiles& files);

// What takes the place of a model's own parts.
struct ModelFilesFlags {
  std::string config, vae;
  bool ema = false, no_ema = false;
  void add(CLI::App& app);
  api::ModelFiles files() const;
};

struct CompileFlags {
  ModelFilesFlags model_files;
  std::string cpu = "native";
  std::string precision, weights;
  std::string cache_size;
  int threads = 0;
  bool time_passes = false;
  void add(CLI::App& app);
  api::CompileOptions options() const;
};

struct SizeFlags {
  std::string size;  // "512x512", or empty
  int64_t batch_size = 1;
  void add(CLI::App& app);
};

// Work left out by choice: faster, and another picture.
struct SavingFlags {
  diffusion::WorkSaving saving;
  void add_token_merging(CLI::App& app);
  void add_deep_cache(CLI::App& app);
  void add_guidance(CLI::App& app);
};

// "512x384": width and height; invalid_argument for anything else. Empty: 0 and 0.
Result<std::pair<int64_t, int64_t>> parse_size(std::string_view text);
// Sets width and height of a picture from the same text; empty: leaves them.
Status set_size(std::string_view text, api::GenerateSettings& settings);
// "5,9": invalid_argument unless each is a whole number from 0 to 2^64 - 1.
Result<std::vector<uint64_t>> parse_seeds(std::string_view text);
// "models/x:unet" -> folder and component, split at the last colon; no component if there is none
// behind it. A path that exists as it stands has none.
std::pair<std::string, std::string> split_component(const std::string& text);

}  // namespace tempera::cli
