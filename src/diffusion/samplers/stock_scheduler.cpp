#include "diffusion/samplers/stock_scheduler.h"

#include "base/builtin.h"
#include "base/file.h"
#include "base/json.h"

namespace tempera::diffusion {

std::optional<std::string> stock_scheduler_config(std::string_view path) {
  const bool has_zero_snr = path == kZeroSnrScheduler;
  const bool predicts_v = path == kSd2Scheduler || has_zero_snr;
  if (!predicts_v && path != kSd1Scheduler) return std::nullopt;
  Json config = {{"_class_name", "PNDMScheduler"},
                 {"beta_end", 0.012},
                 {"beta_schedule", "scaled_linear"},
                 {"beta_start", 0.00085},
                 {"clip_sample", false},
                 {"num_train_timesteps", 1000},
                 {"prediction_type", predicts_v ? "v_prediction" : "epsilon"},
                 {"set_alpha_to_one", false},
                 {"skip_prk_steps", true},
                 {"steps_offset", 1},
                 {"trained_betas", nullptr}};
  if (has_zero_snr) {
    config["rescale_betas_zero_snr"] = true;
    config["timestep_spacing"] = "trailing";
  }
  return config.dump(2) + "\n";
}

Result<std::string> read_scheduler_text(const std::string& path) {
  if (std::optional<std::string> stock = stock_scheduler_config(path)) return std::move(*stock);
  return read_file(path);
}

}  // namespace tempera::diffusion
