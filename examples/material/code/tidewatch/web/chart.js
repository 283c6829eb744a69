// Draw the tide of one day into a canvas element.

const MARGIN = 24;

export function drawTide(canvas, levels, { min, max, now }) {
  const context = canvas.getContext("2d");
  const width = canvas.width - 2 * MARGIN;
  const height = canvas.height - 2 * MARGIN;
  const x = (index) => MARGIN + (index / (levels.length - 1)) * width;
  const y = (metres) => MARGIN + ((max - metres) / (max - min)) * height;

  context.clearRect(0, 0, canvas.width, canvas.height);
  context.beginPath();
  levels.forEach((metres, index) => {
    if (index === 0) {
      context.moveTo(x(index), y(metres));
    } else {
      context.lineTo(x(index), y(metres));
    }
  });
  context.strokeStyle = "#205080";
  context.lineWidth = 2;
  context.stroke();

  if (now >= 0 && now < levels.length) {
    context.fillStyle = "#c03020";
    context.fillRect(x(now) - 1, MARGIN, 2, height);
  }
}

export async function loadLevels(station) {
  const response = await fetch(`/api/levels/${encodeURIComponent(station)}`);
  if (!response.ok) {
    throw new Error(`no levels for ${station}: ${response.status}`);
  }
  const { levels } = await response.json();
  return levels.map(Number);
}
