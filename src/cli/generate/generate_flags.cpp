#include "cli/generate/generate_flags.h"

#include "api/run/files.h"
#include "base/file.h"

namespace tempera::cli {
namespace {

void add_picture_flags(CLI::App& app, GenerateFlags& flags) {
  api::GenerateSettings& s = flags.settings;
  app.add_option("PROMPT", flags.prompt, "What to see in the picture");
  app.add_option("--prompt-file", flags.prompt_file, "Read the prompt from a file; - is stdin")
      ->type_name("FILE");
  flags.prompts.add(app);
  app.add_option("-n,--negative-prompt", s.negative_prompt, "What not to see")->type_name("TEXT");
  app.add_option("--steps", s.steps, "Sampling steps [20]")->type_name("N");
  app.add_option("--sampler", s.sampler, "See tempera samplers [dpm++2m]")->type_name("NAME");
  app.add_option(
         "--schedule", s.schedule,
         "discrete, karras, exponential, beta or sgm_uniform; see tempera samplers --compat a1111 "
         "for others [the sampler's own]")
      ->type_name("NAME");
  app.add_option("--timestep-spacing", s.timestep_spacing,
                 "leading, trailing or linspace [the model's]")
      ->type_name("NAME");
  app.add_option("--guidance-scale", s.guidance_scale,
                 "How strongly to follow the prompt; 1 does not run the negative prompt [7.5]")
      ->type_name("X");
  app.add_option("--seed", flags.seed,
                 "A number, or one for each picture as in 5,9; picture i of a batch uses seed + i "
                 "[random]")
      ->type_name("N[,N...]");
  app.add_option("--width", s.width, "Pixels, a multiple of 8 [the model's]")->type_name("N");
  app.add_option("--height", s.height, "Pixels, a multiple of 8 [the model's]")->type_name("N");
  app.add_flag("--tiling", s.tiling, "Make pictures whose opposite sides meet");
  app.add_option("--batch-size", s.batch_size, "Pictures at once [1]")->type_name("N");
}

}  // namespace

void add_setting_flags(CLI::App& app, GenerateFlags& flags) {
  add_picture_flags(app, flags);
  flags.sampler.add(app);
  flags.adapters.add(app);
  flags.compile.add(app);
  flags.saving.add_token_merging(app);
  flags.saving.add_deep_cache(app);
  flags.saving.add_guidance(app);
  flags.init_image.add(app);
  flags.hires.add(app);
  flags.noise.add(app);
  flags.compat.add(app);
}

void add_output_flags(CLI::App& app, GenerateFlags& flags) {
  flags.grid.add(app);
  flags.prompts.add_file(app);
  flags.output.add(app);
  app.add_option("--save-latents", flags.save_latents,
                 "Write the final latents, before the division by scaling_factor")
      ->type_name("FILE");
  app.add_flag("--save-steps", flags.save_steps, "Write the latents after each step there too");
  app.add_option("--initial-latents", flags.initial_latents,
                 "Read the noise to start from, f32 [batch, 4, height / 8, width / 8]")
      ->type_name("FILE");
  app.add_option("--like", flags.like,
                 "Take all settings that are not given from this picture: one of ours is made "
                 "again, of others what they say in AUTOMATIC1111's form is taken over")
      ->type_name("PICTURE");
  app.add_option("--max-memory", flags.max_memory,
                 "Stay within this much memory, as in 2GiB: no larger weights for speed, the UNet "
                 "freed before decoding, decoding (and encoding) in tiles, fewer pictures at once, "
                 "or refuse")
      ->type_name("SIZE");
  app.add_flag("--dry-run", flags.dry_run,
               "Compile, print the memory that it would take, and read no weights");
  app.add_flag("--json", flags.json, "Print the result as JSON");
  app.add_flag("-q,--quiet", flags.quiet, "Print no progress");
}

Status apply_setting(GenerateFlags& flags) {
  flags.settings.saving = flags.saving.saving;
  TRY(flags.adapters.apply(flags.settings));
  TRY(flags.init_image.apply(flags.settings));
  TRY(flags.hires.apply(flags.settings));
  TRY(flags.prompts.apply(flags.settings));
  TRY(flags.noise.apply(flags.settings));
  TRY(flags.sampler.apply(flags.settings));
  return flags.compat.apply(flags.settings);
}

Status apply_flags(GenerateFlags& flags) {
  TRY(flags.output.apply());
  const bool is_random = flags.seed.empty() || flags.seed == "-1";
  if (!is_random) {
    ASSIGN_OR_RETURN(flags.settings.seeds, parse_seeds(flags.seed));
  }
  if (flags.save_steps && flags.save_latents.empty())
    return error(ErrorCode::invalid_argument, "--save-steps needs --save-latents FILE");
  if (flags.save_steps && (flags.grid.batch_count > 1 || flags.grid.is_given()))
    return error(ErrorCode::invalid_argument,
                 "--save-steps is of one batch, without --batch-count and --grid-x");
  flags.settings.batch_count = flags.grid.batch_count;
  flags.settings.keep_steps = flags.save_steps;
  TRY(apply_setting(flags));
  if (!flags.initial_latents.empty()) {
    ASSIGN_OR_RETURN(flags.settings.initial_latents, api::read_latents(flags.initial_latents));
  }
  return {};
}

Status read_prompt(GenerateFlags& flags) {
  const bool prompt_given = flags.app->count("PROMPT") > 0;
  if (!flags.prompts.file.empty()) {
    if (prompt_given || !flags.prompt_file.empty() || flags.grid.is_given())
      return error(ErrorCode::invalid_argument,
                   "--prompts-file goes with no other prompt and with no grid");
    return {};
  }
  if (flags.prompt_file.empty()) {
    flags.settings.prompt = flags.prompt;
    if (prompt_given) return {};
    return error(ErrorCode::invalid_argument,
                 "no prompt; say what to see, as in tempera generate \"a red heart\"");
  }
  if (prompt_given)
    return error(ErrorCode::invalid_argument, "both a prompt and --prompt-file; give one");
  const std::string path = flags.prompt_file == "-" ? "/dev/stdin" : flags.prompt_file;
  ASSIGN_OR_RETURN(std::string text, read_file(path, 1 << 20));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return error(ErrorCode::invalid_argument, "{}: the prompt file is empty", flags.prompt_file);
  flags.settings.prompt = std::move(text);
  return {};
}

}  // namespace tempera::cli
