// Stopping the program at random moments leaves no half-written file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "diffusion/image/png.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

namespace fs = std::filesystem;

pid_t start(const TempFolder& folder, const char* steps) {
  const std::string picture = folder.path("x.png"), latents = folder.path("x.safetensors");
  const pid_t child = fork();
  if (child != 0) return child;
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  setenv("TEMPERA_CACHE_DIR", TEMPERA_TEST_CACHE, 1);
  execl(TEMPERA_PROGRAM, TEMPERA_PROGRAM, "generate", "a cat", "--seed", "1", "--steps", steps,
        "-o", picture.c_str(), "--save-latents", latents.c_str(), nullptr);
  _exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What has a result's name is a whole result.
void expect_whole_files(const TempFolder& folder) {
  for (const auto& file : fs::directory_iterator(folder.path())) {
    const std::string path = file.path().string();
    EXPECT_TRUE(!path.ends_with(".png") || diffusion::read_png(path).ok()) << path;
    EXPECT_TRUE(!path.ends_with(".safetensors") || SafetensorsFile::open(path).ok()) << path;
  }
}

void warm_up() {
  const TempFolder folder;
  expect_program({"generate", "a cat", "--steps", "1", "-q", "-o", folder.path("x.png")});
}

TEST(Stop, InterruptEndsWithinAStepAndLeavesNothing) {
  warm_up();
  const TempFolder folder;
  const pid_t child = start(folder, "1000");
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 130);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Stop, AtAnyMomentNoFileIsHalfWritten) {
  warm_up();
  std::mt19937 random(1);
  for (int i = 0; i < 8; ++i) {
    const TempFolder folder;
    const pid_t child = start(folder, "1");
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
    kill(child, i % 2 == 0 ? SIGKILL : SIGINT);
    wait_for(child);
    expect_whole_files(folder);
  }
}

TEST(Stop, ACacheThatWasBeingWrittenServesTheNextRun) {
  const TempFolder cache;
  const auto compile = [&](bool interrupted) {
    const pid_t child = fork();
    if (child == 0) {
      setenv("TEMPERA_CACHE_DIR", cache.path().c_str(), 1);
      const std::string model = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";
      const std::string artifact = cache.path("artifact");
      execl(TEMPERA_PROGRAM, TEMPERA_PROGRAM, "compile", model.c_str(), "-q", "--component",
            "text_encoder", "-o", artifact.c_str(), nullptr);
      _exit(127);
    }
    if (interrupted) {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      kill(child, SIGKILL);
    }
    return wait_for(child);
  };
  compile(true);
  EXPECT_EQ(compile(false), 0);
}

}  // namespace
}  // namespace tempera::test
