#include "api/run/noise.h"

#include <memory>

#include "api/run/files.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string rng = "cpu", seed = "0", shape = "1x4x64x64", output;
};

Status noise(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> seeds, parse_seeds(flags.seed));
  if (seeds.size() != 1)
    return error(ErrorCode::invalid_argument, "{} seeds; one makes the noise", seeds.size());
  ASSIGN_OR_RETURN(Tensor values, api::unit_noise(flags.rng, seeds[0], flags.shape));
  api::NamedValues tensors;
  tensors.emplace_back("noise", std::move(values));
  TRY(api::write_tensors(flags.output, tensors));
  print("wrote " + flags.output);
  return {};
}

}  // namespace

void add_noise(CLI::App& program, Action& action) {
  CLI::App* app =
      program.add_subcommand("noise", "Write the noise of a seed, as torch.randn gives it");
  auto flags = std::make_shared<Flags>();
  app->add_option("--rng", flags->rng, "Random numbers of torch on a cpu, or on cuda")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--seed", flags->seed, "From 0 to 2^64 - 1")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--shape", flags->shape, "Sizes of the tensor")
      ->type_name("NxN...")
      ->capture_default_str();
  app->add_option("-o,--output", flags->output, "A safetensors file; the tensor is called noise")
      ->type_name("FILE")
      ->required();
  app->footer(
      "Example:\n  tempera noise --rng cuda --seed 42 --shape 1x4x64x64 -o noise.safetensors");
  app->callback([flags, &action] { action = [flags] { return noise(*flags); }; });
}

}  // namespace tempera::cli
