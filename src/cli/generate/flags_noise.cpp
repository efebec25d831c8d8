#include "cli/generate/flags_noise.h"

#include "api/run/noise.h"

namespace tempera::cli {

void NoiseFlags::add(CLI::App& app) {
  app.add_option("--rng", rng, "Random numbers of torch on a cpu, or on cuda [cpu]")
      ->type_name("NAME");
  app.add_option("--seed-mode", seed_mode,
                 "picture: a stream of noise for each; stream: one for the batch, as diffusers "
                 "with one generator [picture]")
      ->type_name("NAME");
  app.add_option("--ensd", seed_delta,
                 "Add this to the seed for all noise after the first (AUTOMATIC1111's eta noise "
                 "seed delta) [0]")
      ->type_name("N");
  app.add_option("--variation-seed", variation_seed,
                 "Mix in noise of this seed, plus the picture's index, by --variation-strength; "
                 "--seed is then the same for all pictures")
      ->type_name("N");
  app.add_option("--variation-strength", variation_strength,
                 "0 is the picture itself, 1 that of the variation seed")
      ->type_name("X");
}

Status NoiseFlags::apply(api::GenerateSettings& settings) const {
  if (variation_seed.has_value() != variation_strength.has_value())
    return error(ErrorCode::invalid_argument,
                 "--variation-seed and --variation-strength go together; give both");
  if (rng) TRY(api::set_rng(*rng, settings));
  if (seed_mode) TRY(api::set_seed_mode(*seed_mode, settings));
  if (seed_delta) settings.noise.seed_delta = *seed_delta;
  if (variation_seed) settings.noise.variation_seed = variation_seed;
  if (variation_strength) settings.noise.variation_strength = *variation_strength;
  return {};
}

}  // namespace tempera::cli
